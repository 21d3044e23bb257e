"""The tables of models, routes and money, a module for each subject; ``inference.models`` names them all."""
