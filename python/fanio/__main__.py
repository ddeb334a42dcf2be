"""``python -m fanio`` is ``fanio``."""

from fanio.cli import main

if __name__ == "__main__":
    main()
