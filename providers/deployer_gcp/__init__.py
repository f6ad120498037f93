"""Google Artifact Registry and Cloud Run: the keys of a target; deploying comes next."""
