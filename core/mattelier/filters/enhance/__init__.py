"""Light and colour mended, or taken on from another picture."""
