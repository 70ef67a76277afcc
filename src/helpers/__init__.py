"""What the chapters of the book share: data, networks, search, measurements, how to show them."""
