"""Plug-ins: found by entry point, imported when asked for, named when they fail."""

from importlib.metadata import EntryPoint

import pytest

from aicomp.errors import AicompError
from aicomp.plugins import BACKENDS, FRONTENDS, Plugins, backends, frontends, load


def with_entries(**values):
    plugins = Plugins(FRONTENDS)
    plugins.entries = {name: EntryPoint(name, value, FRONTENDS) for name, value in values.items()}
    return plugins


def test_the_built_in_plugins_are_installed():
    assert frontends().named("trace").name == "trace"
    assert "cpu" in backends()


def test_nothing_is_imported_before_it_is_asked_for():
    plugins = with_entries(good="json:loads", bad="no_such_module:frontend")
    assert list(plugins) == ["good", "bad"] and len(plugins) == 2
    assert plugins["good"]("1") == 1


def test_a_plugin_that_fails_to_import_is_named():
    plugins = with_entries(bad="no_such_module:frontend")
    with pytest.raises(AicompError, match=r"plug-in 'bad' .*no_such_module:frontend.* ModuleNotFoundError"):
        plugins.named("bad")
    with pytest.raises(AicompError, match="AttributeError"):
        load(EntryPoint("bad", "json:no_such_name", BACKENDS))


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(AicompError, match="there is no frontend 'c'; installed are a, b"):
        with_entries(b="json:loads", a="json:dumps").named("c")


def test_built_in_plugins_are_tried_first():
    plugins = with_entries(third="json:loads", own="aicomp.tree:leaves")
    tried = []
    assert plugins.first(lambda plugin: tried.append(plugin.__name__)) is None
    assert tried == ["leaves", "loads"]
    assert plugins.first(lambda plugin: plugin.__name__ == "loads")("2") == 2
