"""The database: one file by default, PostgreSQL by one setting. All SQL of the project is here.

database    engine, one writer at a time         schema      every table
intake      what /v1/classify leaves behind      casebook    cases, ledger, notices
roster      groups and members over time         accounts    users, keys, sessions
audit       the hash chain                       actions     what the bot is to do
snapshots   policies and lexicons as they were   retention   purge and erasure
"""
