"""What training by a recipe, fine-tuning on own pictures and tuning on a shot share."""
