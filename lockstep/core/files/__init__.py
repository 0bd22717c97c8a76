"""Files in the data folder: replaced as a whole, and space owned before it is needed."""
