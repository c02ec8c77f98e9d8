"""The composition root: the ``zongji`` command and the processes it runs."""
