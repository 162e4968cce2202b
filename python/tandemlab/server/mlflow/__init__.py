"""MLflow's tracking interface: its clients log into a workspace, and see what is in it.

`router` leads a call to its handler, `messages` has what clients send, `answers` what they get.
The workspace's URL is the tracking URI; a run of MLflow is a run like any other:

    experiment      the experiment of that name; its id is its name, and 0 for ``Default``
    run name, user, parent, note    display name, user, parent and description
    metric, param, tag              the same
    artifact                        the file of that name
    logged model                    a folder of the run's files, and a tag that describes it
    input (a dataset, a model)      a property
    delete, restore                 the tag ``mlflow.deleted``; of an experiment, to archive it
"""
