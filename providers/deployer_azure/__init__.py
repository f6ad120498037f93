"""Azure Container Registry and App Service: the keys of a target; deploying comes next."""
