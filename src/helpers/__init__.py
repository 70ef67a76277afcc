"""What the chapters of the book share: data, networks, the search, measurements and how to show them."""
