"""Amazon ECR and ECS: the keys of a target; deploying comes next."""
