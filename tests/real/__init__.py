"""The hub over data nobody here wrote: Northwind and Online Retail, by a systems file alone.

The files are no part of this repository. They are looked for beside it, in
`../shared/real-data`, or where OPSHUB_REAL_DATA points; without them these tests are skipped.
"""
