"""`python -m pygent_vec` is the command `pygent-vec`."""

from pygent_vec.cli import main

if __name__ == "__main__":
    main()
