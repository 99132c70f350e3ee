"""What runs unattended: retraining, and checks of what a run needs."""
