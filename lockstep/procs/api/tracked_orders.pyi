from lockstep.procs.api.list_names import ListNames

class TrackedOrders:
    list_names: ListNames
