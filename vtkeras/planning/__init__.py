"""`vtkeras train --data DIR --minutes N`: looks at the data, races candidates, and trains the winner in time."""
