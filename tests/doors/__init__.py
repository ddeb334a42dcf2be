"""The servers people run, each as a process of its own, with one scripted conversation."""
