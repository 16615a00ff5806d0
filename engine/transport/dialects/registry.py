"""The dialects by name: our own, and those that other packages add.

The name of one of our own also stands among the choices in `engine.settings.declared`.
"""

from engine import plugins
from engine.transport.dialect import Dialect
from engine.transport.dialects.btauth import BTAUTH
from engine.transport.dialects.fiber import FIBER
from engine.transport.dialects.loosh import LOOSH
from engine.transport.dialects.loosh_plain import LOOSH_PLAIN
from engine.transport.dialects.own import OWN
from engine.transport.dialects.template import TEMPLATE

DIALECTS = plugins.Registry(
    plugins.DIALECTS,
    {one.name: one for one in (OWN, LOOSH, FIBER, BTAUTH, TEMPLATE, LOOSH_PLAIN)},
    accepts=lambda added: isinstance(added, Dialect),
    what="a Dialect",
)
USUAL = LOOSH.name
"""The dialect of neurons about which nothing else is known."""
