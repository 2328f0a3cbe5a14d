"""What a test cell calls: it asks a student's function, and says in words what is wrong with the answer.

A test cell reads

    def test():
        step = Answer("expectation_step", expectation_step)
        step.gives([[0.5, 0.5]], data, weights, means, covariances)

    test()

All of it happens inside the function test, so that no name of a test's can stand in for one that a student
forgot. The student's function is given plain data only (numbers, arrays, Generators) and judged by what comes
back, so that the same cell works where the function is a stand-in for one in another process.

Where an answer is that of a known wrong idea, the student reads what is wrong with the idea. A release has
the wrong ideas' results on its visible tests in ideas.json; genlab.checks.catalogue makes it from code that
stays with the instructor.
"""

from genlab.checks.answer import Answer, CheckFailed
from genlab.checks.chance import follows, fresh, likely
from genlab.checks.notebook import begin, beside, picture
from genlab.checks.results import overview

__all__ = [
    "Answer",
    "CheckFailed",
    "begin",
    "beside",
    "follows",
    "fresh",
    "likely",
    "overview",
    "picture",
]
