"""``python -m medgauge``."""

from medgauge.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
