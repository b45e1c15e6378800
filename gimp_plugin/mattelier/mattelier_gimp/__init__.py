"""What GIMP's Filters → AI does; standard library and GIMP's own bindings only."""

VERSION = "0.1.0"  # of Mattelier; the installer gives the engine's beside it
