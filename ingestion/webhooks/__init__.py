"""Telling other systems what becomes of documents, by the Standard Webhooks specification (standardwebhooks.com).

``announcing`` writes deliveries in the transaction of what they tell, ``sending`` sends what is due, ``endpoints`` is
for people who set them up. A delivery may come twice; its ``webhook-id`` is then the same.
"""
