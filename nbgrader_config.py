"""nbgrader's configuration: the course's folders, and genlab's grading."""

from genlab.grading import configure

c = get_config()  # noqa: F821, defined by nbgrader

c.CourseDirectory.course_id = "genlab"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

configure(c)
