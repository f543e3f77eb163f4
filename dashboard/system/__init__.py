"""System status: processes, servers and jobs, and what to do about problems."""
