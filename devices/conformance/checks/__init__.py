"""The checks, in the order in which they are listed and run. Importing this takes them into `running.CHECKS`."""

# isort: off
from devices.conformance.checks import opening  # noqa: F401
from devices.conformance.checks import trust  # noqa: F401
from devices.conformance.checks import plans  # noqa: F401
from devices.conformance.checks import playing  # noqa: F401
from devices.conformance.checks import limits  # noqa: F401
from devices.conformance.checks import fetching  # noqa: F401
from devices.conformance.checks import commands  # noqa: F401
from devices.conformance.checks import records  # noqa: F401
from devices.conformance.checks import outages  # noqa: F401
from devices.conformance.checks import commands_refused  # noqa: F401
from devices.conformance.checks import closing  # noqa: F401
# isort: on
