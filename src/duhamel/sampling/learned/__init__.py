"""Plans fitted to one network: measured statistics, search, learned coefficients and times."""

from duhamel.sampling.learned.compensation import Compensation
from duhamel.sampling.learned.fitting import fit
from duhamel.sampling.learned.learn import learn
from duhamel.sampling.learned.report import Entry, Error, Report
from duhamel.sampling.learned.search import search
from duhamel.sampling.learned.statistics import statistics

__all__ = ["Compensation", "Entry", "Error", "Report", "fit", "learn", "search", "statistics"]
