"""What makes a graph happen: storage, tracing, money, the command line. Imports everything below it."""
