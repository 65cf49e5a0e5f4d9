"""Work–precision studies: what an error costs, method by method."""

from duhamel.compare.case import Case
from duhamel.compare.ranking import RULE, Choice, recommend
from duhamel.compare.runs import Row, run_adaptive, run_fixed
from duhamel.compare.truth import Reference, reference
from duhamel.compare.whole import Study, study

__all__ = [
    "RULE",
    "Case",
    "Choice",
    "Reference",
    "Row",
    "Study",
    "recommend",
    "reference",
    "run_adaptive",
    "run_fixed",
    "study",
]
