"""`python -m cellclass` is the command `cellclass`."""

from cellclass.cli import main

if __name__ == "__main__":
    main(prog_name="cellclass")
