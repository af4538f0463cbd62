"""
What Prometheus reads: `/api/v1/metrics`, for a key that names `metrics.read`.

Requests are counted where they are answered (platform/request_metrics.py); everything else is asked of the database
when it is read. Labels are route templates, statuses, names of jobs, tables and replicas: nothing that anybody has
typed, and no id. docs/RELIABILITY.md says what is promised by them, deploy/observability/ has alerts and a dashboard.
"""
