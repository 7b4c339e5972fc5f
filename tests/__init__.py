"""The tests of the product. Behaviour cases are data in `cases/`."""
