"""issuesum: train, version, ship and trace a model that writes titles for GitHub issues."""
