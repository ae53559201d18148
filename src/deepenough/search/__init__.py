"""Search: the learning rate that suits a network, what each lever buys, the network that suits a budget.

Owns what tries several settings before or instead of one: range tests of the learning rate. Refuses folders, study
files and reports: it is handed cells and batches, or plain numbers, and returns records.
"""
