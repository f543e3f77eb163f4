"""What every page has: its scene, panels, charts, banner and broadcaster."""
