"""`lockstep install` and `lockstep uninstall`: a host's venues as services of systemd."""
