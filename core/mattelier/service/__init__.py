"""The service: every task over HTTP, jobs with progress, pointing, and a web page; one process.

FastAPI, because it takes routes that are made at run time with a schema of their own, which is made
here from the requests' fields, and because rembg's address is written in its terms.
"""
