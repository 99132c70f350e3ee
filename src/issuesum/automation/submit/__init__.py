"""Training in a Kubernetes cluster: a commit goes there, and its model comes back."""
