"""``python -m devicehub``: the same commands as the ``devicehub`` script."""

from devicehub.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
