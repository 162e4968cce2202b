"""Clusters of Ray: jobs go to its Jobs API over HTTP; nothing of Ray is needed here."""
