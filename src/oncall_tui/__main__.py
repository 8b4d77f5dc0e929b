"""``python -m oncall_tui``."""

from oncall_tui.cli import main

if __name__ == "__main__":
    main()
