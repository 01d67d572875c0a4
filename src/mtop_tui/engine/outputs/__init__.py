"""What a simulated fleet lets out besides its objects: logs, GPU readings, picker pages."""
