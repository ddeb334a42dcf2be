"""What the program gives and gets, in the form the core takes: options, data, rooms, environs."""
