"""What a release is made of: the bundle, the ``.pyz``, their licences and sums. Nothing here is part of the program."""
