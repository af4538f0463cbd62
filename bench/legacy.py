"""
`python -m bench.legacy` starts `bench.migration`.

The workers that read an export load the main module anew, each for itself. So it is as light here as that of `crm` is.
"""

if __name__ == "__main__":
    from bench.migration import main

    main()
