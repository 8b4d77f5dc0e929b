"""How the program reaches others: through which proxy, trusting whom, and for how much and how long at the most.

``clients`` makes every HTTP client. The AWS calls, which botocore makes, take ``proxies``, ``trust`` and ``limits``
too.
"""
