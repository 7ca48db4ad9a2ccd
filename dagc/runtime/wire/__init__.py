"""Values and calls between the services of one graph.

A message is a JSON header and the raw elements of its tensors. Nothing in it names a class or a function, so
nothing can be made to run. `frame` has the layout, `coders` and `classes` say how each type is written, `codec`
puts them together; `connection`, `peers` and `remote` ask.
"""
