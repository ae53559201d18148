"""The playground: one picture, both networks, every scale, in the browser of the machine it runs on.

Importing this package imports neither torch nor the web server; its names are loaded when first used.
"""
