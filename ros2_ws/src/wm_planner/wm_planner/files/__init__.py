"""Read files that others wrote: nothing in them is run, and no size they announce is trusted."""
