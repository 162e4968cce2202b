"""The server: a workspace, or a folder of them, over REST.

`app` is the application, `process` the process that runs it, `guard` who is let in. Its routes
are in `api`, one module for each noun. MLflow's interface will be a router under
``/api/2.0/mlflow/``, beside ``/api/v1``.
"""
