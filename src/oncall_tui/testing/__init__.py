"""The tests that every provider over HTTP passes, also one of another distribution. They want pytest.

    from oncall_tui.testing.suite import Plug, contract_test

    test_it_keeps_the_contract = contract_test(Plug(name="acme", …))

This program's own providers are tested with the very same cases. docs/providers-from-outside.md has the whole way.
"""

import pytest

pytest.register_assert_rewrite("oncall_tui.testing.contract", "oncall_tui.testing.polled")  # before they are imported
