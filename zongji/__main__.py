"""``python -m zongji``."""

from zongji.cli import main

main()
