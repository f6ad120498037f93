"""Images: the context, its checks, tags and labels, the build."""
